"""Tables of nets in every form: for terminals of any width, notebooks, documents and programs."""
