#!/usr/bin/env bash
# CodeBuild runs this in the unpacked package of the function that started the build: build and push an image per tag.
#
#   TAGS           for example `v1-3f0c… v3-a77e…`: the part before the hyphen is the name of the build context
#   REPOSITORY     URI of the repository
#   BASE_IMAGE     base image of the build
#   PIP_INDEX_URL  index of Python packages; PyPI if it is not set
#   PAUSES         seconds between attempts at steps that need the network
set -euo pipefail

PAUSES=${PAUSES:-5 20 60}
export BUILDX_NO_DEFAULT_ATTESTATIONS=1  # push one image per tag, not an index: simpler to scan and to expire

# Run a command that needs the network, with retries.
retry() {
    local pause
    for pause in $PAUSES; do
        "$@" && return
        echo "Failed: $* (retrying in $pause s)" >&2
        sleep "$pause"
    done
    "$@"
}

log_in() {
    aws ecr get-login-password | docker login --username AWS --password-stdin "${REPOSITORY%%/*}"
}

build() {
    local models=${1/#shared/v1,v2,v3}  # what a container serves if MODELS is not set
    docker build --pull --build-arg "BASE=$BASE_IMAGE" --build-arg "VERSION=$models" \
        --build-arg "PIP_INDEX_URL=${PIP_INDEX_URL:-}" \
        --file "contexts/$1/Dockerfile" --tag "$REPOSITORY:$2" "contexts/$1"
}

# Tags are immutable. If another build has pushed this tag first, its image has the same content.
push() {
    docker push "$REPOSITORY:$1" ||
        aws ecr describe-images --repository-name "${REPOSITORY#*/}" --image-ids "imageTag=$1" >/dev/null
}

retry log_in
for tag in $TAGS; do
    retry build "${tag%%-*}" "$tag"
    retry push "$tag"
done
