"""Work that leaves this machine: folders and training on a Ray cluster, and places that fsspec reads and writes.

Ray, pyarrow and fsspec are imported only when they are used. Not here: background runs (`jobs`), and what a picture
or a training step is.
"""
