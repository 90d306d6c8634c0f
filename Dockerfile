FROM python:3.11-slim
RUN useradd --create-home reader && install -d -o reader /home/reader/corrections
WORKDIR /home/reader/page
COPY requirements.txt .
RUN pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir -r requirements.txt
COPY app.py .
COPY model model
COPY assets assets
USER reader
ENV GRADIO_SERVER_NAME=0.0.0.0 CORRECTIONS=/home/reader/corrections
EXPOSE 7860
HEALTHCHECK CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/health', timeout=5)"
CMD ["python", "app.py"]
