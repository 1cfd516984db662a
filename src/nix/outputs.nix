# What a flake gives, all in one evaluation: its checks, what else it has, for which other systems it evaluates, and the
# versions of packages among its inputs.
{
  flakeref, # locked, so that it can be evaluated purely
  system,
  versions, # attribute paths below the inputs
}:
let
  flake = builtins.getFlake flakeref;
  inherit (flake) outputs;
  of = set: (outputs.${set} or { }).${system} or { };
  drvs = builtins.mapAttrs (_: it: it.drvPath);
  versionOf =
    path:
    let
      member = set: name: if builtins.isAttrs set then set.${name} or null else null;
      package = builtins.foldl' member flake.inputs path;
      version = package.version or (builtins.parseDrvName (package.name or "")).version;
      # Names of packages that are gone throw.
      found = builtins.tryEval (if builtins.isString version then version else "");
    in
    if found.success then found.value else "";
  # A package that refuses a system throws.
  evaluates =
    other:
    let
      all = map (set: drvs (outputs.${set}.${other} or { })) [
        "checks"
        "devShells"
        "packages"
      ];
    in
    (builtins.tryEval (builtins.deepSeq all true)).success;
  # One of another system has the same packages as all else that is for it.
  machineOf =
    it:
    let
      drv = it.config.system.build.vm.drvPath;
      tried = builtins.tryEval drv;
      isOwn = (it.pkgs.stdenv.hostPlatform.system or system) == system;
    in
    if isOwn then
      drv
    else if tried.success then
      tried.value
    else
      "";
  others = builtins.filter (other: other != system) (builtins.attrNames (outputs.devShells or { }));
in
{
  names = builtins.attrNames outputs;
  checks = builtins.mapAttrs (_: check: {
    drv = check.drvPath;
    out = check.outPath;
  }) (of "checks");
  shells = drvs (of "devShells");
  packages = drvs (of "packages");
  machines = builtins.mapAttrs (_: machineOf) (outputs.nixosConfigurations or { });
  refused = builtins.filter (other: !evaluates other) others;
  versions = map versionOf versions;
}
