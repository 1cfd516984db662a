# importNpmLock and npmConfigHook as in Nixpkgs, for packages that a test has
# put into the store under the last part of their URL (`nix-store --add-fixed
# sha512`). Here the hook needs no npm: it unpacks what the lock file names.
{
  lib,
  pkgs,
  debian,
}:
{
  __functor =
    self:
    { npmRoot }:
    let
      modules = (builtins.fromJSON (builtins.readFile (npmRoot + "/package-lock.json"))).packages;
      fetched = lib.filter (path: modules.${path} ? integrity) (lib.attrNames modules);
      fetch =
        module: debian.seeded (builtins.baseNameOf module.resolved) "flat" module.integrity;
    in
    pkgs.writeTextFile {
      name = "npm-sources";
      text = lib.concatMapStringsSep "" (path: "${path} ${fetch modules.${path}}\n") fetched;
    };

  npmConfigHook = pkgs.writeTextFile {
    name = "npm-config-hook";
    destination = "/nix-support/setup-hook";
    text = ''
      postConfigure() {
        local path archive
        pushd "''${npmRoot:-.}" > /dev/null
        while read -r path archive; do
          mkdir -p "$path"
          tar xf "$archive" -C "$path" --strip-components=1
        done < "$npmDeps"
        popd > /dev/null
        # As the real one, which leaves npm's settings there.
        export HOME=$NIX_BUILD_TOP
      }
    '';
  };
}
