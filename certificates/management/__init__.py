"""Commands of `./ccxsec`."""
