"""Products: a catalogue's rows become products, and Keepa's data is put beside what the row says."""
