"""The command line of IPsec: parsing and printing, no rules of its own."""
