"""The ladder: networks that decode one, some or many bytes a step, trained alike and compared."""
