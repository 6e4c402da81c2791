"""Short clips in the tab *Restore*: their limits, their run, and the two players in step."""
