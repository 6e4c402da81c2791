"""KDSR as a Hugging Face Space: what it needs (`tree`), whether it would work (`header`, `check`), and its upload
(`push`). Needs git and huggingface_hub, which comes with gradio.
"""
