"""The prices pipeline: price lists come in, rows of bills and enquiries are matched with them."""
