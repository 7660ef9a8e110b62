"""Which item of a price list a row means: pure algorithms, no service, the same answer every time."""
