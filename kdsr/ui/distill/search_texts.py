"""What the tab *Distill* says of a search for a recipe."""

PRESET = "Find the best for my photographs"
MINUTES = "Minutes"
MINUTES_MEAN = "Of the search and of the training of the best recipe together."
OTHERS = "Try the other teachers as well"
OTHERS_MEAN = "Each labels your photographs first, which takes from the minutes."
ESTIMATE = (
    "A third of it is the search. The best recipe then has about {steps} steps, at {pace} a second, measured here on "
    "{device}."
)
TWICE = "The proof takes as long again."

SEARCHING = "Trial {number}"
AT_STEP = "step {step}"
TITLE = "Trials"
CURVE = "PSNR of the trials on held-out photographs"
PRESET_TRIAL = "The preset itself"
BEST = "Best so far"
HEADS = ("Trial", "What it changes", "State")
AFTER = "After {step} steps"
RUNNING = "Running"
LEFT = "Interrupted"
GIVEN_UP = "Given up"
KEPT = "Compared to the end"
CHOSEN = "In training"
TRAINED = "Trained to the end"
TABLE_MEANS = (
    "PSNR in dB on held-out photographs; in brackets the lead over the preset after as many steps. A trial that is "
    "behind is given up early."
)
SO_FAR = "Best so far: trial {number} ({changes}), {lead} dB ahead of the preset after {step} steps."
SO_FAR_PRESET = "Best so far: the preset itself, with {value} dB after {step} steps."
FOUND = (
    "The search found a better recipe than the preset: {changes}. After {step} steps it was {lead} dB ahead of the "
    "preset on your held-out photographs ({value} and {own} dB)."
)
FOUND_BUT = (
    "It was chosen by these photographs, in one run of each recipe, so on others the gain may be smaller. At the end "
    "the preset may have caught up: it was not trained that far."
)
PRESET_WON = (
    "The preset itself won: no other recipe was {margin} dB ahead of it on your held-out photographs. The search did "
    "not pay here: in as much time, the preset alone would have taken more steps."
)
COMPARED = "Compared with it: {count}."
NONE_COMPARED = (
    "The time was too short to compare any other recipe with the preset, so the preset was trained. Give the search "
    "more minutes."
)
WITHOUT_TEACHER = "The best recipe learns from the originals alone, so there is no twin to compare it with."
DOWNLOAD = "Download trials"
