"""Training data: photographs, degradations, crops and the teacher's labels."""
