FROM python:3.13-slim AS console
WORKDIR /build
COPY requirements-web.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements-web.lock
COPY web ./web
COPY bot/console/building.py ./bot/console/
RUN python bot/console/building.py

FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /opt/frontdesk
COPY requirements.lock ./
RUN /opt/frontdesk/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY bot ./bot
COPY --from=console /build/bot/console/built ./bot/console/built
COPY orchestration ./orchestration
COPY integrations ./integrations
RUN FRONTDESK_CONSOLE_BUILD=require /opt/frontdesk/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim
# A number as user lets Kubernetes see that it is not root; /data holds what SQLite writes.
RUN groupadd --gid 10001 frontdesk \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --shell /usr/sbin/nologin frontdesk \
    && install --directory --owner 10001 --group 10001 /data
COPY --from=build /opt/frontdesk /opt/frontdesk
ENV PATH=/opt/frontdesk/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FRONTDESK_HOST=0.0.0.0
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('FRONTDESK_PORT', '8000') + '/healthz', timeout=4)"]
CMD ["frontdesk", "serve"]
