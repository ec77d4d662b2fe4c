FROM python:3.13-slim-trixie

# The lightgbm wheel needs the system's OpenMP library.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

# /opt/ml belongs to the caller's volume, so nothing of the image may live there.
WORKDIR /opt/program

COPY requirements.txt requirements-hosts.txt requirements-serving.txt ./
# The packages' own tests are an eighth of the image. NumPy's stay: numpy.testing imports from them.
RUN pip install --no-cache-dir --only-binary=:all: \
        -r requirements-serving.txt -r requirements-hosts.txt \
    && find "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
        -type d -name tests -not -path '*/numpy/*' -prune -exec rm -r {} +

# Matplotlib's font list is made here and not in every run.
ENV MPLBACKEND=Agg \
    MPLCONFIGDIR=/opt/matplotlib
RUN python -c "import matplotlib.font_manager"

COPY entrypoint.sh exceptions.py lightgbmmt_*.py ./
COPY common common
COPY hosts hosts
COPY hyperparams hyperparams
COPY models models
COPY processing processing
COPY scoring scoring
COPY serving serving
COPY steps steps
RUN python -m compileall -q .

# After the compilation: a run writes nothing beside the code.
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# Root, as SageMaker requires. Exec form: what it starts is process 1 and gets SIGTERM itself.
ENTRYPOINT ["/opt/program/entrypoint.sh"]
