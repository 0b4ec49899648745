"""Text files of rows and cells: their encoding, delimiter, header and numbers."""
