"""The first page, and the article behind the lab."""
