"""A report: what *Restore* has made, as one HTML file or as a PDF."""
