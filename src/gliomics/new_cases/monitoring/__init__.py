"""Whether new cases look like those that a model was fitted on; not whether its predictions are right."""
