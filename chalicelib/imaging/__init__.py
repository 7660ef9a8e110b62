"""Pictures in, web-ready pictures out, without AWS: what a file is, what it will cost, its pixels, its JPEG."""
