"""A student trained with and without each method: the plan of runs, their execution, and the report."""
