"""Parts of messages: near misses, numbers as text, and commands that install missing packages."""
