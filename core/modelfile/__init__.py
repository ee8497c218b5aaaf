"""The model file: one safetensors file that describes itself."""
