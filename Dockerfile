FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml setup.py constraints.txt README.md LICENSE ./
COPY compute compute
COPY service service
COPY openapi openapi
RUN python -m venv /opt/workings \
    && /opt/workings/bin/pip install --no-cache-dir -c constraints.txt . \
    && /opt/workings/bin/pip uninstall --yes pip

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin workings
COPY --from=build /opt/workings /opt/workings
# A port of a container is reachable only if whoever runs it publishes it; WORKINGS_KEY_FILE asks for API keys.
ENV PATH=/opt/workings/bin:$PATH PYTHONUNBUFFERED=1 WORKINGS_OPEN=true
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
CMD ["workings", "serve", "--host", "0.0.0.0"]
