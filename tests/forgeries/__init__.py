"""Certificates with and without forged fields, and the truth of what they say."""
