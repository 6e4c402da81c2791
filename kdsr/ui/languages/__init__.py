"""The languages of the page. Its code says everything in English; another language is a folder of tables here.

What leaves for a visitor is translated at the door: the page's first configuration, the values of components, errors
and toasts (`blocks`, `waiting`, `speech`), and in the browser what scripts say (`static/compare/words.js`). So a new
sentence needs one line in a table, and none in the code; `tests/ui/test_languages.py` finds what lacks one.
"""
