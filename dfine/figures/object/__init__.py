"""One object: its edges, its layers, where the query looked, why nothing was found; one kind of figure a module."""
