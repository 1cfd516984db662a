#!/usr/bin/env bash
# Writes what a pull request changes in the captured environment into the summary of the step, and into one comment.
#
# BASE and COMMIT are compared, or DIFF is read, JSON that another job wrote: what is not of its form is refused, and its
# texts become text. NUMBER is the pull request; after a `workflow_run` it is found by HEAD_OWNER, HEAD_BRANCH and HEAD_SHA,
# which GitHub says, not the other job. A token that may only read is no failure: the summary is all then.
set -euo pipefail

body=$(mktemp)
said=$(mktemp)
ids=$(mktemp)
trap 'rm -f "$body" "$said" "$ids"' EXIT

fail() {
  echo "error: $2" >&2
  exit "$1"
}

compare=(--read "${DIFF:-}")
if [ -z "${DIFF:-}" ]; then
  [[ $BASE =~ ^[0-9a-f]{40}$ && $COMMIT =~ ^[0-9a-f]{40}$ ]] || fail 2 "base and commit are 40 hexadecimal digits each"
  compare=("$BASE...$COMMIT")
fi
status=0
agent-capture diff "${compare[@]}" --format markdown > "$body" || status=$?
[ "$status" -le 1 ] || exit "$status"
cat "$body" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
if [ -n "${OUTPUT:-}" ]; then
  agent-capture diff "${compare[@]}" --format json > "$OUTPUT" || [ $? = 1 ]
fi

# The pull request of a `workflow_run`: of this branch, and still at this commit.
if [ -z "${NUMBER:-}" ] && [ -n "${HEAD_SHA:-}" ]; then
  [[ $HEAD_SHA =~ ^[0-9a-f]{40}$ ]] || fail 2 "the commit is 40 hexadecimal digits"
  NUMBER=$(gh api --method GET "repos/$GITHUB_REPOSITORY/pulls" -f state=open -f "head=$HEAD_OWNER:$HEAD_BRANCH" \
    --jq ".[] | select(.head.sha == \"$HEAD_SHA\") | .number" | head -n 1)
fi
[ -n "${NUMBER:-}" ] || exit 0
[[ $NUMBER =~ ^[1-9][0-9]*$ ]] || fail 2 "a pull request has a number"

# ask ARGUMENT...: asks GitHub; ends well where the token may not.
ask() {
  if gh api "$@" 2> "$said"; then
    return 0
  fi
  if grep -q 'HTTP 403' "$said"; then
    echo "this token may not write: the summary of the step is all" >&2
    exit 0
  fi
  # It may repeat what a pull request says.
  tr -d '\r' < "$said" | sed 's/^[[:space:]]*::/\\::/; s/##\[/# #[/g' >&2
  fail 3 "GitHub did not take the comment"
}

marker=$(head -n 1 "$body")
comments=repos/$GITHUB_REPOSITORY/issues/$NUMBER/comments
# Anybody can write the marker into a comment; only one of a bot is ours.
ask --paginate "$comments?per_page=100" \
  --jq ".[] | select(.user.type == \"Bot\") | select(.body | startswith(\"$marker\")) | .id" > "$ids"
id=$(head -n 1 "$ids")
if [[ $id =~ ^[0-9]+$ ]]; then
  ask --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F "body=@$body" --silent
elif [ "$status" = 1 ]; then
  ask --method POST "$comments" -F "body=@$body" --silent
fi
