#!/usr/bin/env bash
# What CodeBuild runs, in the unpacked package of the function that started it: build and push an image for each tag.
#
#   TAGS        v1-3f0c… v3-a77e…: a tag begins with the name of the version that its image serves
#   REPOSITORY  URI of the repository
#   BASE_IMAGE  what the images are built on
#   PAUSES      seconds between attempts at what needs the network
set -euo pipefail

PAUSES=${PAUSES:-5 20 60}
export BUILDX_NO_DEFAULT_ATTESTATIONS=1  # one image a tag, no index: simpler to scan and to expire

# A download that failed once seldom fails again.
try() {
    local pause
    for pause in $PAUSES; do
        "$@" && return
        echo "Failed: $* (again in $pause s)" >&2
        sleep "$pause"
    done
    "$@"
}

log_in() {
    aws ecr get-login-password | docker login --username AWS --password-stdin "${REPOSITORY%%/*}"
}

build() {
    docker build --pull --build-arg "BASE=$BASE_IMAGE" --build-arg "VERSION=$1" \
        --file "contexts/$1/model_service/Dockerfile" --tag "$REPOSITORY:$2" "contexts/$1"
}

# A tag is never overwritten: where another build was quicker, its image is as good as ours.
push() {
    docker push "$REPOSITORY:$1" ||
        aws ecr describe-images --repository-name "${REPOSITORY#*/}" --image-ids "imageTag=$1" >/dev/null
}

try log_in
for tag in $TAGS; do
    try build "${tag%%-*}" "$tag"
    try push "$tag"
done
