"""Parts of messages: near misses, numbers as text, and commands that install what is missing."""
