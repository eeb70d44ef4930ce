"""The tests: named by behaviour, marked with the rows of the specification that they prove."""
