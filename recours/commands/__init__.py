"""One module a command, each with a typer application `app`; what they do lives in `recours.stack` and `recours.operations`."""
