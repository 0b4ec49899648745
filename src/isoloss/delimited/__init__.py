"""Text files of delimited cells: their encoding, delimiter, header and numbers."""
