"""The studio: dreams and paintings made on a page in the browser."""
