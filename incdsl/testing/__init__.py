"""What holds the compiler to PyTorch; it needs `pip install 'incdsl[testing]'`."""
