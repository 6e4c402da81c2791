"""What a run learns from: photographs, their degradations, crops, and the labels of the teacher."""
