#!/bin/sh
# What the image does: `train` or `serve`, as SageMaker calls it; without an argument it trains.
# exec: Python takes the place of this process, so that SIGTERM reaches it.
if [ "${1:-train}" = serve ]; then
  exec python /opt/program/lightgbmmt_serving.py
fi
exec python /opt/program/lightgbmmt_training.py "$@"
