"""How the product gets at a node: its files and its commands, here or over SSH."""
