# Puts the Node.js of the dependencies at node_modules/.bin/node, where older versions of npm (9, for one) do not. Sourced from the checkout's root.
if [ ! -x node_modules/.bin/node ]; then
  for bundled in node_modules/node-linux-*/bin/node; do
    [ ! -x "$bundled" ] || ln -sf "../${bundled#node_modules/}" node_modules/.bin/node
  done
fi
