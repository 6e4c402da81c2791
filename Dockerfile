# The page in a container. CPU (the default): docker build -t kdsr .
# CUDA: docker build -t kdsr:cuda --build-arg TORCH=cu130 . ; run it with --gpus all.
# TORCH names one of PyTorch's indexes, https://download.pytorch.org/whl/TORCH; cpu brings no CUDA.
FROM python:3.12-slim

ARG TORCH=cpu
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# a user of its own, whose home keeps runs and caches
RUN useradd --create-home --uid 1000 kdsr && mkdir /data && chown kdsr /data
WORKDIR /app

# torch first, from its own index, so that the requirements find it installed
COPY requirements.txt .
RUN pip install --index-url https://download.pytorch.org/whl/${TORCH} "torch>=2.10" torchvision \
 && pip install -r requirements.txt

COPY app.py README.md LICENSE ./
COPY kdsr kdsr
COPY weights weights

USER kdsr
ENV GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860 KDSR_HOME=/data GRADIO_TEMP_DIR=/tmp/gradio \
    KDSR_LOG_FORMAT=json KDSR_STOP_S=20 KDSR_STOP_RUNS=on
VOLUME /data
EXPOSE 7860
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
CMD ["python", "app.py"]
