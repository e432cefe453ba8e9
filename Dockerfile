# One image for every service and for the `recours` command: the command line says which.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY requirements/ requirements/
# Nothing is installed later: what installs does not stay.
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/service.lock \
 && /venv/bin/pip uninstall --yes pip setuptools
# The browser files come from the locked package.json through the npm of a wheel; nothing of that stays in the image.
COPY . .
RUN python -m venv /build-venv \
 && /build-venv/bin/pip install --no-cache-dir --require-hashes -r requirements/dev.lock \
 && /build-venv/bin/python -m services.console.web.build \
 && rm -rf services/console/web/node_modules /build-venv

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin recours
WORKDIR /app
COPY --from=build /venv /venv
COPY --from=build /app/shared shared/
COPY --from=build /app/services services/
COPY --from=build /app/recours recours/
COPY --from=build /app/docs docs/
COPY --from=build /app/deploy/territory deploy/territory/
USER 10001
# Replaced by compose or Kubernetes: `python -m services.<name>` or `python -m recours <command>`.
CMD ["python", "-m", "recours", "--help"]
