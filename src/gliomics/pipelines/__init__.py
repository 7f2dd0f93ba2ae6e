"""The wiring of the stages, one package a stage; the work is done in the rooms below, never in a node."""
