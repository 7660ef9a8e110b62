"""Spreadsheets in and out, without AWS: what a file is, its rows as text, its header, its columns, and writers."""
