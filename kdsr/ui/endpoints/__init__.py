"""The page's door for scripts: named endpoints, and the fold below the tabs that shows them."""
