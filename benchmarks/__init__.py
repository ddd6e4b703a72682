"""The same models on this project, on its peers and on native onnxruntime, side by side: scripts/compare."""
