# syntax=docker/dockerfile:1
# Two stages: the first installs from the locks, the second runs as nobody in particular.

FROM python:3.13-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/vouchsafe
ENV PATH=/opt/vouchsafe/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# Dependencies first: they change less often than the code, and this layer is kept until they do.
COPY requirements requirements
RUN pip install --require-hashes -r requirements/build.txt -r requirements/run.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY app app
COPY rules rules
COPY migrations migrations
RUN pip install --no-deps --no-build-isolation --no-index . && python -m compileall -q /opt/vouchsafe

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="Vouchsafe" \
      org.opencontainers.image.description="Self-hosted, headless promotions and coupon engine that speaks the Voucherify v1 API" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.4.3"
COPY --from=build /opt/vouchsafe /opt/vouchsafe
COPY LICENSE NOTICE /usr/share/doc/vouchsafe/
RUN mkdir -m 0700 /data && chown 10001:10001 /data
ENV PATH=/opt/vouchsafe/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    VOUCHSAFE_DATA_DIR=/data VOUCHSAFE_HOST=0.0.0.0 VOUCHSAFE_PORT=8000
USER 10001:10001
VOLUME /data
EXPOSE 8000
# A worker that does not answer is restarted by its parent; this tells the outside. Liveness looks at no other system.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD \
    ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['VOUCHSAFE_PORT'] + '/livez', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["vouchsafe"]
CMD ["serve"]
