"""Leads: rows of any spreadsheet become clean leads, one an e-mail."""
