"""Tables, pages and plots, generated from the measurements under results/raw alone."""
