"""Prices: rows of a bill or a list get the unit and the rate of the item that they mean."""
