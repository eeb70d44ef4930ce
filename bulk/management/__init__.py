"""The command line of the exchange: parsing and printing, no rules of its own."""
